nestwalk_test(FILE walk_explain_test.cpp LINKS nestwalk::cli)
