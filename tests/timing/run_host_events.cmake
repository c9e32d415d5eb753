nestwalk_test(FILE run_host_events_test.cpp SYSTEMC LINKS nestwalk_run_bench
              TIMEOUT 60)
