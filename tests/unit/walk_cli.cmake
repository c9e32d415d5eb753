nestwalk_test(FILE walk_json_reader_test.cpp SYSTEMC LINKS nestwalk::cli)
nestwalk_test(FILE walk_request_test.cpp SYSTEMC LINKS nestwalk::cli)
nestwalk_test(FILE walk_service_test.cpp SYSTEMC LINKS nestwalk::cli)
nestwalk_test(FILE walk_answer_test.cpp SYSTEMC LINKS nestwalk::cli nlohmann_json::nlohmann_json)
nestwalk_test(FILE walk_snapshot_test.cpp SYSTEMC LINKS nestwalk::cli nlohmann_json::nlohmann_json
              TIMEOUT 60)
nestwalk_test(FILE walk_program_test.cpp SYSTEMC LINKS nestwalk::cli nlohmann_json::nlohmann_json)
