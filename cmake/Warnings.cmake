# Warnings of our own targets; they are errors in every preset. Foreign headers enter as system
# headers and are exempt.
add_library(nestwalk_warnings INTERFACE)
target_compile_options(nestwalk_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wold-style-cast -Woverloaded-virtual -Wnon-virtual-dtor
  -pedantic
  # gcc 12 sees overlapping copies in correct std::string code once it is inlined (gcc bug 105651).
  -Wno-restrict)
option(NESTWALK_WERROR "Treat warnings of our own targets as errors" ON)
if(NESTWALK_WERROR)
  target_compile_options(nestwalk_warnings INTERFACE -Werror)
endif()
