nestwalk_test(FILE sim_bench_test.cpp SYSTEMC LINKS nestwalk::sim)
nestwalk_test(FILE sim_walker_models_test.cpp SYSTEMC LINKS nestwalk::sim)
