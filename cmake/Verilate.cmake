# Verilates a module when it is built and not when the project is configured, as verilate() of the
# package does it: for libraries that are built only when somebody asks for them. As a script:
#
#   cmake -DVERILATOR=verilator -DTOP=walker_pins -DFOLDER=out -P Verilate.cmake -- ARGUMENTS...
#
# writes FOLDER/V<TOP>__all.cpp, which includes every file that Verilator has written there.
cmake_minimum_required(VERSION 3.25)
set(arguments "")
set(is_argument FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(is_argument)
    list(APPEND arguments ${CMAKE_ARGV${i}})
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(is_argument TRUE)
  endif()
endforeach()
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
execute_process(COMMAND ${VERILATOR} --cc --top-module ${TOP} --prefix V${TOP} --Mdir ${FOLDER}
                        ${arguments} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB sources RELATIVE ${FOLDER} ${FOLDER}/*.cpp)
list(TRANSFORM sources REPLACE "(.+)" "#include \"\\1\"\n" OUTPUT_VARIABLE lines)
list(JOIN lines "" text)
file(WRITE ${FOLDER}/V${TOP}__all.cpp "${text}")
