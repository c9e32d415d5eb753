nestwalk_test(FILE run_test.cpp SYSTEMC LINKS nestwalk_run_bench nlohmann_json::nlohmann_json)
