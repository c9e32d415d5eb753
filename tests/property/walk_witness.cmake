nestwalk_test(FILE walk_oracle_test.cpp LINKS nestwalk_test_support nestwalk::walk)
nestwalk_test(FILE walk_enumeration_test.cpp LINKS nestwalk_test_support nestwalk::walk)
