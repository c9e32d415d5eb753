foreach(name engine agile stage_rules hints)
  nestwalk_test(FILE walk_${name}_test.cpp LINKS nestwalk::walk nestwalk_test_support)
endforeach()
