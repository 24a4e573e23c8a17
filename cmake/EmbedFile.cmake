# bitacora_embed(TARGET FILE NAMESPACE NAME) compiles FILE into TARGET and gives it the header
# <embedded/NAME.h>, in which `NAMESPACE::NAME()` returns its bytes as a std::string_view with
# static storage. The bytes are generated again whenever FILE changes.
set(BITACORA_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(bitacora_embed target file namespace name)
  get_filename_component(file ${file} ABSOLUTE)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/generated)
  set(header ${directory}/embedded/${name}.h)
  set(source ${directory}/embedded/${name}.cc)
  add_custom_command(
    OUTPUT ${header} ${source}
    COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DHEADER=${header} -DSOURCE=${source}
            -DNAMESPACE=${namespace} -DNAME=${name} -P ${BITACORA_EMBED_SCRIPT}
    DEPENDS ${file} ${BITACORA_EMBED_SCRIPT}
    COMMENT "Embedding ${file}"
    VERBATIM)
  target_sources(${target} PRIVATE ${header} ${source})
  target_include_directories(${target} PRIVATE ${directory})
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  file(READ ${FILE} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  # Lines of 16 bytes: some compilers limit the length of one.
  string(REPEAT "0x..," 16 line)
  string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")

  file(WRITE ${HEADER} "#pragma once\n\n#include <string_view>\n\n"
    "namespace ${NAMESPACE} {\n\nstd::string_view ${NAME}();\n\n}  // namespace ${NAMESPACE}\n")
  file(WRITE ${SOURCE} "#include <embedded/${NAME}.h>\n\n"
    "namespace ${NAMESPACE} {\nnamespace {\n\nconst unsigned char kBytes[] = {\n${bytes}0};\n\n"
    "}  // namespace\n\nstd::string_view ${NAME}() {\n"
    "  return {reinterpret_cast<const char*>(kBytes), ${size}};\n}\n\n"
    "}  // namespace ${NAMESPACE}\n")
endif()
