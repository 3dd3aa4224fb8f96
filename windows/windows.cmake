# What a build for Windows takes from where; windows/toolchain.cmake is given on the command line.
#
# Everything is linked statically, so that sockproof.exe needs no DLL beside the system's.
set(SP_TESTS OFF CACHE BOOL "" FORCE)
set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -static")
# Windows 10 and later; printf as in C99, whatever msvcrt.dll knows.
set(SP_WINDOWS_DEFINITIONS _WIN32_WINNT=0x0a00 __USE_MINGW_ANSI_STDIO=1 _POSIX_C_SOURCE=200809L)

function(sp_static target header library)
  find_path(SP_INCLUDE_${library} ${header} REQUIRED)
  find_library(SP_LIBRARY_${library} ${library} REQUIRED)
  add_library(${target} STATIC IMPORTED)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${SP_LIBRARY_${library}})
  # behind the compiler's own folders, which it searches anyhow where that is the same one
  target_include_directories(${target} INTERFACE ${SP_INCLUDE_${library}})
endfunction()
sp_static(PkgConfig::JANSSON jansson.h libjansson.a) # windows/libraries
sp_static(ZLIB::ZLIB zlib.h libz.a)                  # libz-mingw-w64-dev

# Of libpcap the types only: wpcap.dll is loaded at run time, where there is one.
find_path(SP_PCAP_TYPES pcap/pcap.h PATHS /usr/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/types)
file(CREATE_LINK ${SP_PCAP_TYPES}/pcap ${CMAKE_BINARY_DIR}/types/pcap SYMBOLIC)
add_library(PkgConfig::PCAP INTERFACE IMPORTED)
target_include_directories(PkgConfig::PCAP INTERFACE ${CMAKE_BINARY_DIR}/types)
