nestwalk_test(FILE systemc_main_test.cpp SYSTEMC LINKS nestwalk::systemc)
