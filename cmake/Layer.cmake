# nestwalk_layer(NAME SOURCES a.cpp ... LINKS nestwalk::x ...): one library per folder of model/.
# The links are the layering table of docs/architecture.md; a CI test compares include lines with it.
function(nestwalk_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(nestwalk_${name} STATIC ${LAYER_SOURCES})
  add_library(nestwalk::${name} ALIAS nestwalk_${name})
  target_include_directories(nestwalk_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(nestwalk_${name} PUBLIC ${LAYER_LINKS}
                        PRIVATE nestwalk_warnings ${LAYER_PRIVATE_LINKS})
endfunction()
