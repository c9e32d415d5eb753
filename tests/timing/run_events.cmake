nestwalk_test(FILE run_events_test.cpp SYSTEMC LINKS nestwalk_run_bench)
