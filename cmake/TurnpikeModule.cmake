# turnpike_module(<path> COMPONENTS <name>... [PROTOS <file>.proto...] [DEPS <path>...] [LINKS <external target>...])
#
# Declares src/<path> as one static library. Each component <name> stands for <name>.h and, where
# they exist beside it, <name>.cpp, <name>_test.cpp, <name>_fuzz.cpp and <name>_bench.cpp.
# PROTOS are compiled for protobuf-lite and included as "<path>/<file>.pb.h", from .cpp files only.
#
# DEPS must already be declared, and must stand in a lower layer or in the same one: so the modules
# form a DAG by construction. tools/check_layers.py holds the #includes to the same promise.
set(TURNPIKE_LAYERS base crypto core "io|sim" "node|bootstrap" apps)
set_property(GLOBAL PROPERTY TURNPIKE_MODULES "")
add_custom_target(benches)  # no part of `all`: a benchmark under a sanitizer says nothing
option(TURNPIKE_TESTS "Build the tests, fuzzers and benchmarks beside each component" ON)
option(TURNPIKE_FUZZ "Build the fuzzers of the pure modules with libFuzzer, and nothing else" OFF)

function(_turnpike_layer path out)
  string(REGEX MATCH "^[^/]+" top ${path})
  set(rank 0)
  foreach(layer IN LISTS TURNPIKE_LAYERS)
    if(top MATCHES "^(${layer})$")
      set(${out} ${rank} PARENT_SCOPE)
      return()
    endif()
    math(EXPR rank "${rank} + 1")
  endforeach()
  message(FATAL_ERROR "src/${path} is in no layer; the layers are ${TURNPIKE_LAYERS}")
endfunction()

function(turnpike_module path)
  cmake_parse_arguments(ARG "" "" "COMPONENTS;PROTOS;DEPS;LINKS" ${ARGN})
  string(REPLACE "/" "_" name turnpike_${path})
  _turnpike_layer(${path} rank)

  set(deps "")
  foreach(dep IN LISTS ARG_DEPS)
    string(REPLACE "/" "_" target turnpike_${dep})
    if(NOT TARGET ${target})
      message(FATAL_ERROR "src/${path} depends on src/${dep}, which is not declared before it")
    endif()
    _turnpike_layer(${dep} dep_rank)
    if(dep_rank GREATER rank)
      message(FATAL_ERROR "src/${path} depends upwards, on src/${dep}")
    endif()
    list(APPEND deps ${target})
  endforeach()

  list(TRANSFORM ARG_COMPONENTS APPEND .h OUTPUT_VARIABLE headers)
  set(sources "")
  foreach(component IN LISTS ARG_COMPONENTS)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${component}.cpp)
      list(APPEND sources ${component}.cpp)
    endif()
  endforeach()

  foreach(proto IN LISTS ARG_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(generated ${PROJECT_BINARY_DIR}/generated/${path}/${stem}.pb)
    add_custom_command(
      OUTPUT ${generated}.cc ${generated}.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/generated
      COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR}/src --cpp_out=lite:${PROJECT_BINARY_DIR}/generated
              ${PROJECT_SOURCE_DIR}/src/${path}/${proto}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto} VERBATIM)
    set_source_files_properties(${generated}.cc PROPERTIES COMPILE_OPTIONS -w)
    list(APPEND sources ${generated}.cc ${generated}.h)
  endforeach()

  set(scope PUBLIC)
  if(sources)
    add_library(${name} STATIC ${sources})
  else()
    set(scope INTERFACE)
    add_library(${name} INTERFACE)
  endif()
  target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${headers})
  target_compile_features(${name} ${scope} cxx_std_20)
  target_link_libraries(${name} ${scope} ${deps} ${ARG_LINKS})
  if(ARG_PROTOS)
    target_include_directories(${name} SYSTEM PUBLIC ${PROJECT_BINARY_DIR}/generated)
    target_link_libraries(${name} PUBLIC protobuf::libprotobuf-lite)
  endif()
  list(JOIN ARG_DEPS "," declared)  # a semicolon would split the line that the layers test reads
  set_property(GLOBAL APPEND PROPERTY TURNPIKE_MODULES "${path}:${declared}")

  if(NOT TURNPIKE_TESTS)
    return()
  endif()
  foreach(component IN LISTS ARG_COMPONENTS)
    set(base ${CMAKE_CURRENT_SOURCE_DIR}/${component})
    if(EXISTS ${base}_test.cpp AND NOT TURNPIKE_FUZZ)
      add_executable(${name}_${component}_test ${base}_test.cpp)
      target_link_libraries(${name}_${component}_test PRIVATE ${name} GTest::gmock GTest::gtest_main)
      add_test(NAME ${path}/${component} COMMAND ${name}_${component}_test)
      set_tests_properties(${path}/${component} PROPERTIES LABELS unit TIMEOUT 120)
    endif()
    if(EXISTS ${base}_fuzz.cpp)
      _turnpike_fuzzer(${name}_${component}_fuzz ${path} ${component} ${base}_fuzz.cpp ${name})
    endif()
    if(EXISTS ${base}_bench.cpp AND NOT TURNPIKE_FUZZ)
      add_executable(${name}_${component}_bench EXCLUDE_FROM_ALL ${base}_bench.cpp)
      target_link_libraries(${name}_${component}_bench PRIVATE ${name} benchmark::benchmark_main)
      add_dependencies(benches ${name}_${component}_bench)
    endif()
  endforeach()
endfunction()

# Under the fuzz preset a fuzzer is a libFuzzer program; elsewhere the same file is linked with a
# small main that replays fuzz/corpus/<module>_<component>/* and a few mutations of it, as a unit test.
function(_turnpike_fuzzer target path component file module)
  add_executable(${target} ${file})
  string(REPLACE "/" "_" corpus ${path}_${component})
  if(TURNPIKE_FUZZ)
    target_link_libraries(${target} PRIVATE ${module} -fsanitize=fuzzer)
  else()
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/replay_main.cpp)
    target_link_libraries(${target} PRIVATE ${module})
    add_test(NAME ${path}/${component}_fuzz_replay COMMAND ${target} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${corpus})
    set_tests_properties(${path}/${component}_fuzz_replay PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

# Writes modules.txt ("path:dep,dep" a line) and checks every #include against it, as a test.
function(turnpike_check_layers)
  get_property(modules GLOBAL PROPERTY TURNPIKE_MODULES)
  list(JOIN modules "\n" text)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/modules.txt CONTENT "${text}\n")
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME layers COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/check_layers.py
                               ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/modules.txt)
  set_tests_properties(layers PROPERTIES LABELS unit)
endfunction()
