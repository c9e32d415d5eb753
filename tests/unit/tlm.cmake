foreach(name ept_qualification catalogue)
  nestwalk_test(FILE tlm_${name}_test.cpp SYSTEMC LINKS nestwalk_walk_expectations)
endforeach()
nestwalk_test(FILE tlm_transport_test.cpp SYSTEMC LINKS nestwalk_platform_bench)
