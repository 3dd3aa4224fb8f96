# A file as a C array: cmake -DFROM=page.html -DTO=page.c -P embed.cmake
file(READ ${FROM} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${TO} "#include <stddef.h>\n
extern const unsigned char sp_html_page[];
extern const size_t sp_html_page_bytes;
const unsigned char sp_html_page[] = {\n${hex}0};
const size_t sp_html_page_bytes = sizeof sp_html_page - 1;\n")
