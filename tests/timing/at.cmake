nestwalk_test(FILE at_latency_test.cpp SYSTEMC LINKS nestwalk_at_bench nestwalk_mmu_bench)
nestwalk_test(FILE at_memory_test.cpp SYSTEMC LINKS nestwalk_at_bench)
nestwalk_test(FILE at_queueing_test.cpp SYSTEMC
              LINKS nestwalk_mmu_bench nestwalk_test_support nestwalk::sim)
