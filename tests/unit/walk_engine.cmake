nestwalk_test(FILE walk_engine_test.cpp LINKS nestwalk::walk nestwalk_test_support)
