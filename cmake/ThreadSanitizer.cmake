# What a build with ThreadSanitizer needs wherever librdkafka is linked, the program included.
if(BITACORA_SANITIZE MATCHES "thread")
  add_library(bitacora_thread_sanitizer OBJECT
    ${PROJECT_SOURCE_DIR}/tests/support/sanitizers/thread_sanitizer.c)
  target_link_libraries(bitacora_event_store INTERFACE
    $<TARGET_OBJECTS:bitacora_thread_sanitizer>)
  add_dependencies(bitacora_event_store bitacora_thread_sanitizer)
endif()
