nestwalk_test(FILE cache_outcomes_test.cpp SYSTEMC
              LINKS nestwalk_mmu_bench nestwalk_at_bench nestwalk_test_support nestwalk_child)
