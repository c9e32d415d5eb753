# Uses ccache and mold where they are installed; nothing depends on either.
option(NESTWALK_FAST_TOOLS "Use ccache and mold when they are found" ON)
if(NESTWALK_FAST_TOOLS)
  find_program(NESTWALK_CCACHE ccache)
  if(NESTWALK_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${NESTWALK_CCACHE})
  endif()
  find_program(NESTWALK_MOLD mold)
  # -fuse-ld=mold is known to gcc from version 12 on and to clang.
  if(NESTWALK_MOLD AND NOT (CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND
                            CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12))
    add_link_options(-fuse-ld=mold)
  endif()
endif()
