# bitacora_module(NAME SOURCES … USES … HIDES …) makes the one library of a folder.
#
# USES is what its headers may show and its users may therefore include; HIDES is what only its
# sources see. The link graph is thus the picture of docs/ARCHITECTURE.md: an include against an
# arrow does not compile.
function(bitacora_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;HIDES" ${ARGN})
  add_library(bitacora_${name} STATIC ${arg_SOURCES})
  add_library(bitacora::${name} ALIAS bitacora_${name})
  target_include_directories(bitacora_${name}
    PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(bitacora_${name}
    PUBLIC ${arg_USES}
    PRIVATE bitacora_warnings ${arg_HIDES})
endfunction()

# bitacora_test(NAME LABELS … SOURCES … USES …) makes one test binary and registers each of its
# cases with ctest. LABELS say what the test needs: unit (nothing), component (a directory, the
# in-process mock broker), broker (a real Kafka), drill (kills and replays). FILTER is GoogleTest's,
# for suites of which not every case applies.
#
# The target sanitized_tests builds those of the first two labels, and the program for those in
# Python: `./dev test` runs them with AddressSanitizer and UBSan too.
add_custom_target(sanitized_tests)
add_dependencies(sanitized_tests bitacora)

function(bitacora_test name)
  cmake_parse_arguments(arg "" "TIMEOUT;FILTER" "SOURCES;USES;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE
    bitacora_warnings ${arg_USES} GTest::gmock GTest::gtest_main)
  if(BITACORA_SANITIZE)
    # The test's own lines need no optimiser, and building them takes half as long without.
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(NOT arg_FILTER)
    set(arg_FILTER "*")
  endif()
  if(arg_LABELS MATCHES "^(unit|component)$")
    add_dependencies(sanitized_tests ${name})
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 TEST_FILTER "${arg_FILTER}"
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT})
endfunction()
