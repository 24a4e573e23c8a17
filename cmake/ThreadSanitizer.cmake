# What every program of a build with ThreadSanitizer needs.
if(BITACORA_SANITIZE MATCHES "thread")
  add_library(bitacora_thread_sanitizer OBJECT
    ${PROJECT_SOURCE_DIR}/tests/support/sanitizers/thread_sanitizer.c)
  target_link_libraries(bitacora_base INTERFACE
    $<TARGET_OBJECTS:bitacora_thread_sanitizer>)
  add_dependencies(bitacora_base bitacora_thread_sanitizer)
endif()
