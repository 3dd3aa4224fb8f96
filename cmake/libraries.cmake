# Outside libraries, and which of them are linked statically into our programs.
#
# Every run of a case is three processes or more, and each pays at its start and its end for every
# mapping that it has: with libpcap's own libraries (D-Bus, systemd, compressors) some ninety. So
# libpcap, Jansson and zlib are taken in where that can be done; libc and libmnl stay shared.
include_guard()
option(SP_STATIC "link libpcap, Jansson and zlib statically where that can be done" ON)

find_package(PkgConfig REQUIRED)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
set(no_dbus ${CMAKE_CURRENT_LIST_DIR}/static/no_dbus.c)
set(why_not "")
foreach(name pcap jansson z)
  find_library(SP_STATIC_${name} lib${name}.a)
  mark_as_advanced(SP_STATIC_${name})
  if(NOT SP_STATIC_${name})
    set(why_not "no lib${name}.a")
  endif()
endforeach()
if(NOT SP_STATIC OR SP_SANITIZE OR SP_FUZZ)
  set(why_not "not asked for")
elseif(NOT why_not)
  try_compile(SP_STATIC_LINKS ${CMAKE_BINARY_DIR}/static
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/static/links.c ${no_dbus}
    COMPILE_DEFINITIONS -D_GNU_SOURCE
    LINK_LIBRARIES ${SP_STATIC_pcap} ${SP_STATIC_jansson} ${SP_STATIC_z})
  if(NOT SP_STATIC_LINKS)
    set(why_not "does not link")
  endif()
endif()

if(why_not)
  message(STATUS "libpcap, Jansson and zlib: shared (static: ${why_not})")
  find_package(ZLIB REQUIRED)
  pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
  pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)
else()
  message(STATUS "libpcap, Jansson and zlib: static")
  add_library(sp_no_dbus STATIC ${no_dbus})
  foreach(pair PkgConfig::PCAP=pcap PkgConfig::JANSSON=jansson ZLIB::ZLIB=z)
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 target)
    list(GET pair 1 name)
    add_library(${target} INTERFACE IMPORTED)
    target_link_libraries(${target} INTERFACE ${SP_STATIC_${name}})
  endforeach()
  target_link_libraries(PkgConfig::PCAP INTERFACE sp_no_dbus)
endif()
