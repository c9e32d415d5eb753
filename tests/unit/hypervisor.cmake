nestwalk_test(FILE switch_policy_test.cpp LINKS nestwalk::hypervisor nestwalk::params nlohmann_json::nlohmann_json)
