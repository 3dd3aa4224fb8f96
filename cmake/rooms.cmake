# One line makes a room: its library, its unit tests, its include path.
#
#   sp_room(wire DEPS base)
#
# A room is every *.c of its folder; foo_test.c is a cmocka test of its own.
# The include path of a room is its own folder and those of the rooms that it
# names in DEPS (and theirs), so an include from a higher floor does not compile.
#
# What differs by operating system is chosen by file: a room's folder windows/ belongs to Windows
# alone, and stands there for those files of the room whose names match NOT_ON_WINDOWS.
include_guard()

# From a list of sources to those for Windows.
function(sp_of_windows list not_on_windows)
  set(sources ${${list}})
  if(not_on_windows)
    list(FILTER sources EXCLUDE REGEX "/(${not_on_windows})\\.c$")
  endif()
  file(GLOB own CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/windows/*.c)
  set(${list} ${sources} ${own} PARENT_SCOPE)
endfunction()

function(sp_room name)
  cmake_parse_arguments(ROOM "" "" "DEPS;LIBS;SOURCES_FROM;NOT_ON_WINDOWS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  foreach(sub ${ROOM_SOURCES_FROM})
    file(GLOB more CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${sub}/*.c)
    list(APPEND sources ${more})
  endforeach()
  if(WIN32)
    sp_of_windows(sources "${ROOM_NOT_ON_WINDOWS}")
  endif()
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.c$")
  list(FILTER tests INCLUDE REGEX "_test\\.c$")
  set(target sp_${name})
  list(TRANSFORM ROOM_DEPS PREPEND sp_)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${target} PUBLIC ${ROOM_DEPS} ${ROOM_LIBS} PRIVATE sp_flags)
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${target} INTERFACE ${ROOM_DEPS} ${ROOM_LIBS})
  endif()
  if(SP_TESTS)
    foreach(test ${tests})
      get_filename_component(base ${test} NAME_WE)
      add_executable(${base} ${test})
      target_link_libraries(${base} PRIVATE ${target} sp_flags PkgConfig::CMOCKA)
      target_compile_definitions(${base} PRIVATE SP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
      add_test(NAME ${base} COMMAND ${base})
    endforeach()
  endif()
endfunction()
