nestwalk_test(FILE lt_at_test.cpp SYSTEMC LINKS nestwalk_timing_comparison
                  nestwalk::config nestwalk::workload)
    nestwalk_test(FILE lt_at_nightly_test.cpp SYSTEMC LINKS nestwalk_timing_comparison LABELS
                      nightly TIMEOUT 300)
