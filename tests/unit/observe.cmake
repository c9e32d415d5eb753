foreach(name wave_file statistics statistics_snapshot histogram ledger event_sink decision_log invariants
             software_log)
  nestwalk_test(FILE observe_${name}_test.cpp
                LINKS nestwalk::observe nlohmann_json::nlohmann_json)
endforeach()
