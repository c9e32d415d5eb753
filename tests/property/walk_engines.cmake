nestwalk_test(FILE walk_engines_test.cpp SYSTEMC LINKS nestwalk::cli nestwalk_test_support)
