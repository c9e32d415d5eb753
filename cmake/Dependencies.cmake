# Every foreign library, found once, behind one alias each. Nothing is fetched.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tsl-robin-map REQUIRED)

pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc tlm)
add_library(nestwalk_systemc INTERFACE)
add_library(nestwalk::systemc ALIAS nestwalk_systemc)
target_link_libraries(nestwalk_systemc INTERFACE PkgConfig::SYSTEMC)
# The packaged library exports its API-version symbol for C++17 only, and we are C++20. This keeps
# the version check on while naming the standard the library was built with.
target_compile_definitions(nestwalk_systemc INTERFACE SC_CPLUSPLUS=201703L
                           SC_INCLUDE_DYNAMIC_PROCESSES)

pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
