nestwalk_test(FILE knob_audit_test.cpp SYSTEMC
              LINKS nestwalk_run_bench nestwalk::config nestwalk::workload TIMEOUT 30)
