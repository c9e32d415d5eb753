foreach(name boot fault unmap)
  nestwalk_test(FILE guest_${name}_test.cpp LINKS nestwalk::guest)
endforeach()
foreach(name fault vm)
  nestwalk_test(FILE hypervisor_${name}_test.cpp
                LINKS nestwalk::hypervisor nlohmann_json::nlohmann_json)
endforeach()
nestwalk_test(FILE guest_params_test.cpp LINKS nestwalk::params)
