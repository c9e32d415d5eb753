# Verilator and Yosys: for the RTL and its tests alone. Without them everything else is built, and
# CTest shows by a skipped test what is missing.
#
# Flags for generated code: setting them here saves the package's two dozen checks of the compiler.
set(VERILATOR_CFLAGS -faligned-new -w)
set(VERILATOR_MT_CFLAGS -pthread)
find_package(verilator QUIET HINTS $ENV{VERILATOR_ROOT} /usr/share/verilator)
find_program(NESTWALK_VERILATOR verilator)
find_program(NESTWALK_YOSYS yosys)
find_package(Python3 COMPONENTS Interpreter)
if(verilator_FOUND AND NESTWALK_VERILATOR)
  set(NESTWALK_HAS_VERILATOR TRUE)
else()
  set(NESTWALK_HAS_VERILATOR FALSE)
  message(STATUS "Verilator was not found: the RTL walker is not built")
endif()

set(NESTWALK_RTL_FOLDERS ${PROJECT_SOURCE_DIR}/rtl/prim ${PROJECT_SOURCE_DIR}/rtl/lookup
                         ${PROJECT_SOURCE_DIR}/rtl/walker)
list(TRANSFORM NESTWALK_RTL_FOLDERS APPEND /*.sv OUTPUT_VARIABLE NESTWALK_RTL_PATTERNS)
file(GLOB NESTWALK_RTL CONFIGURE_DEPENDS ${NESTWALK_RTL_PATTERNS})
set(NESTWALK_RTL_PACKAGES ${PROJECT_SOURCE_DIR}/rtl/pkg/bug_pkg.sv
                          ${PROJECT_SOURCE_DIR}/rtl/pkg/mmu_arch_pkg.sv
                          ${PROJECT_SOURCE_DIR}/rtl/pkg/walker_pkg.sv)
set(NESTWALK_RTL_WAIVERS ${PROJECT_SOURCE_DIR}/rtl/lint/waivers.vlt)

# CMake cannot list a new file before it has verilated the old list: modules are also found by name.
list(TRANSFORM NESTWALK_RTL_FOLDERS PREPEND -I OUTPUT_VARIABLE NESTWALK_RTL_SEARCH)

set(NESTWALK_VERILATOR_FLAGS -Wall --assert -O3 --x-assign unique --x-initial unique
                             ${NESTWALK_RTL_SEARCH})

# nestwalk_verilate(TARGET TOP module PARAMETERS -GName=value ... SOURCES a.sv ...): adds a verilated
# module to a static library. Its headers are system headers to who links it.
function(nestwalk_verilate target)
  cmake_parse_arguments(RTL "" "TOP" "PARAMETERS;SOURCES" ${ARGN})
  verilate(${target} TOP_MODULE ${RTL_TOP} PREFIX V${RTL_TOP}
           DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${target}.verilated
           SOURCES ${NESTWALK_RTL_WAIVERS} ${NESTWALK_RTL_PACKAGES} ${NESTWALK_RTL} ${RTL_SOURCES}
           VERILATOR_ARGS ${NESTWALK_VERILATOR_FLAGS} ${RTL_PARAMETERS})
  # A failing assertion calls our vl_stop.
  target_compile_definitions(${target} PRIVATE VL_USER_STOP)
  target_compile_options(${target} PRIVATE -O2)
  target_include_directories(${target} SYSTEM PUBLIC
    ${CMAKE_CURRENT_BINARY_DIR}/${target}.verilated ${VERILATOR_ROOT}/include)
endfunction()

# nestwalk_verilate_late(LIBRARY TOP module OPTIONS --coverage -GName=value ... SOURCES a.sv ...
# [OPTIMIZE -O1]): the same when the library is built, and not while configuring (Verilate.cmake).
function(nestwalk_verilate_late target)
  cmake_parse_arguments(RTL "" "TOP;OPTIMIZE" "OPTIONS;SOURCES" ${ARGN})
  if(NOT RTL_OPTIMIZE)
    set(RTL_OPTIMIZE -O2)
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.verilated)
  set(sources ${NESTWALK_RTL_WAIVERS} ${NESTWALK_RTL_PACKAGES} ${NESTWALK_RTL} ${RTL_SOURCES})
  add_custom_command(OUTPUT ${folder}/V${RTL_TOP}__all.cpp
    COMMAND ${CMAKE_COMMAND} -DVERILATOR=${NESTWALK_VERILATOR} -DTOP=${RTL_TOP} -DFOLDER=${folder}
            -P ${PROJECT_SOURCE_DIR}/cmake/Verilate.cmake --
            ${NESTWALK_VERILATOR_FLAGS} ${RTL_OPTIONS} ${sources}
    DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/cmake/Verilate.cmake
    COMMENT "Verilating ${target}"
    VERBATIM)
  target_sources(${target} PRIVATE ${folder}/V${RTL_TOP}__all.cpp)
  target_include_directories(${target} SYSTEM PRIVATE ${folder} ${VERILATOR_ROOT}/include
                                                      ${VERILATOR_ROOT}/include/vltstd)
  target_compile_definitions(${target} PRIVATE VL_USER_STOP VERILATOR=1 VM_SC=0)
  set_source_files_properties(${folder}/V${RTL_TOP}__all.cpp PROPERTIES
    COMPILE_OPTIONS "-w;${RTL_OPTIMIZE}")
endfunction()
