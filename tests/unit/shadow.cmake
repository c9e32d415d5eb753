foreach(file paging_switch_test.cpp switch_hazards_test.cpp switch_catalogue_test.cpp shadow_catalogue_test.cpp shadow_pager_test.cpp shadow_audit_test.cpp)
  nestwalk_test(FILE ${file} LINKS nestwalk_shadow_bench)
endforeach()
