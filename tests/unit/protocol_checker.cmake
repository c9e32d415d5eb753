nestwalk_test(FILE protocol_checker_test.cpp SYSTEMC LINKS nestwalk_at_bench nestwalk::tlm)
