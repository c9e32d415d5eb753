foreach(file run_test.cpp run_region_test.cpp)
  nestwalk_test(FILE ${file} SYSTEMC LINKS nestwalk_run_bench nlohmann_json::nlohmann_json)
endforeach()
nestwalk_test(FILE published_test.cpp SYSTEMC LINKS nestwalk_run_bench nestwalk::config)
