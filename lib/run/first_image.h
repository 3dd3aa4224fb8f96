/* The program of first/first.c, as it was linked. Private to lib/run. */
#ifndef SP_RUN_FIRST_IMAGE_H
#define SP_RUN_FIRST_IMAGE_H

extern const unsigned char sp_first_image[], sp_first_image_end[];

#endif
