nestwalk_test(FILE sim_bench_test.cpp SYSTEMC LINKS nestwalk::sim)
