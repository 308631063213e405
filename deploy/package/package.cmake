# The Debian package: `deploy/make-package` configures the preset "package", builds, and has CPack make it.
set(HERE ${CMAKE_CURRENT_LIST_DIR})

set(DOC ${CMAKE_INSTALL_DATADIR}/doc/sendoff)
file(GLOB guides CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md)
install(FILES ${HERE}/changelog ${HERE}/copyright DESTINATION ${DOC})
install(FILES ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${DOC})
install(FILES ${guides} DESTINATION ${DOC}/docs) # as README links to them
install(DIRECTORY ${CMAKE_SOURCE_DIR}/deploy/examples ${CMAKE_SOURCE_DIR}/deploy/container DESTINATION ${DOC})
install(FILES ${CMAKE_SOURCE_DIR}/deploy/systemd/sendoff.service ${CMAKE_SOURCE_DIR}/deploy/systemd/sendoff.socket
        DESTINATION /lib/systemd/system)
install(FILES ${HERE}/sendoff.conf DESTINATION /etc/sendoff)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sendoff)
set(CPACK_PACKAGE_CONTACT "Sendoff maintainers <maintainers@sendoff.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "SMTP smarthost for web sites and applications")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Applications hand Sendoff their mail over an authenticated session. It
decides whether that account may send that message now, signs it (DKIM),
stores it safely, and delivers it to the recipients' mail exchangers from
the right source address, retrying until it is delivered or bounced. Every
refusal says why.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${HERE}/compress.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Beside the libraries: what makes the user, asks and starts; the suffix list and time zones that libraries read.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, debconf (>= 0.5) | debconf-2.0, init-system-helpers (>= 1.52), publicsuffix, tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, dns-root-data")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "certbot")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${HERE}/conffiles ${HERE}/config ${HERE}/templates ${HERE}/postinst ${HERE}/prerm
                                       ${HERE}/postrm)
include(CPack)
