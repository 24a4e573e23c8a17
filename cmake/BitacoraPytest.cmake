# bitacora_pytest(NAME FILE … LABELS … [LOG embedded|kafka] [TIMEOUT …] [ENVIRONMENT …]) registers a
# file of Python tests as one ctest. They get the program as BITACORA_PROGRAM and, with LOG, which
# log to run on; without the broker that a label `broker` means they end with 77: skipped.
#
# What may take longest begins first: with COST, so that it is not what all wait for at the end.
#
# Debian's own Python, since requests, pytest and jsonschema come from its packages.
find_program(BITACORA_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

function(bitacora_pytest name)
  cmake_parse_arguments(arg "" "FILE;LOG;TIMEOUT" "LABELS;ENVIRONMENT" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_test(NAME ${name}
    COMMAND ${BITACORA_PYTHON} -m pytest -p no:cacheprovider -q
            ${CMAKE_CURRENT_SOURCE_DIR}/${arg_FILE})
  set(environment
    BITACORA_PROGRAM=$<TARGET_FILE:bitacora>
    BITACORA_TEST_LOG=${arg_LOG}
    PYTHONDONTWRITEBYTECODE=1
    ${arg_ENVIRONMENT})
  set_tests_properties(${name} PROPERTIES
    LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "${environment}")
endfunction()
