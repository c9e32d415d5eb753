nestwalk_test(FILE switch_run_test.cpp SYSTEMC LINKS nestwalk_run_bench
                  nlohmann_json::nlohmann_json TIMEOUT 60)
