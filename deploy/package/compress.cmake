# Run by CPack on what is to be packed: Debian has manual pages and changelogs compressed (policy 12.1, 12.3), without a time in
# them, so that the same tree makes the same package.
find_program(GZIP gzip REQUIRED)
set(share ${CPACK_TEMPORARY_DIRECTORY}/usr/share)
file(GLOB files ${share}/man/man*/*.[1-8] ${share}/doc/*/changelog)
if(files)
  execute_process(COMMAND ${GZIP} -9 -n -f ${files} COMMAND_ERROR_IS_FATAL ANY)
endif()
