nestwalk_test(FILE reference_count_test.cpp SYSTEMC
              LINKS nestwalk_mmu_bench nestwalk_test_support nestwalk::tlm)
nestwalk_test(FILE latency_test.cpp SYSTEMC LINKS nestwalk_platform_bench)
