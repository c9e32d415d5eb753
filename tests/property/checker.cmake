nestwalk_test(FILE checker_runs_test.cpp SYSTEMC LINKS nestwalk_run_bench TIMEOUT 30)
nestwalk_test(FILE checker_hypervisor_runs_test.cpp SYSTEMC LINKS nestwalk_run_bench TIMEOUT 30)
