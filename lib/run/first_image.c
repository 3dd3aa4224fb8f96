#include "first_image.h"

/* SP_FIRST is the path of the linked program (CMakeLists.txt). */
__asm__(".section .rodata\n"
        ".globl sp_first_image\n"
        ".globl sp_first_image_end\n"
        "sp_first_image:\n"
        ".incbin \"" SP_FIRST "\"\n"
        "sp_first_image_end:\n"
        ".byte 0\n"
        ".previous\n");
