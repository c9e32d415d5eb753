# The writer and reader of FST wave files, from the sources that Verilator's package brings along
# (include/gtkwave: fstapi, lz4, fastlz; MIT and BSD). Without them --wave says what is missing.
find_path(NESTWALK_FST_SOURCES fstapi.c
          HINTS ${VERILATOR_ROOT}/include/gtkwave /usr/share/verilator/include/gtkwave
          DOC "The folder gtkwave/ with fstapi.c of Verilator's package")
if(NESTWALK_FST_SOURCES)
  set(NESTWALK_HAS_FST TRUE)
  enable_language(C)
  add_library(nestwalk_fst STATIC ${NESTWALK_FST_SOURCES}/fstapi.c ${NESTWALK_FST_SOURCES}/lz4.c
                                  ${NESTWALK_FST_SOURCES}/fastlz.c)
  cmake_path(GET NESTWALK_FST_SOURCES PARENT_PATH above)  # included as gtkwave/fstapi.h
  target_include_directories(nestwalk_fst SYSTEM PUBLIC ${above})
  target_compile_definitions(nestwalk_fst PRIVATE FST_CONFIG_INCLUDE="fst_config.h")
  target_compile_options(nestwalk_fst PRIVATE -w -O2 -fvisibility=hidden)
  target_link_libraries(nestwalk_fst PRIVATE PkgConfig::ZLIB)
else()
  set(NESTWALK_HAS_FST FALSE)
  message(STATUS "gtkwave/fstapi.c of Verilator's package was not found: no --wave")
endif()
