nestwalk_test(FILE walk_explain_test.cpp SYSTEMC LINKS nestwalk::cli)
