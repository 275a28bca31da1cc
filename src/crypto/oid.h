/* Object identifiers, as their DER content bytes. */
#ifndef CRYPTO_OID_H
#define CRYPTO_OID_H

#include <kube/buf.h>

/* keys (RFC 3279, RFC 5480) */
#define OID_RSA  STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
#define OID_EC   STR("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_P256 STR("\x2a\x86\x48\xce\x3d\x03\x01\x07")
#define OID_P384 STR("\x2b\x81\x04\x00\x22")
#define OID_P521 STR("\x2b\x81\x04\x00\x23")

/* signatures */
#define OID_ECDSA_SHA256 STR("\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define OID_ECDSA_SHA384 STR("\x2a\x86\x48\xce\x3d\x04\x03\x03")
#define OID_ECDSA_SHA512 STR("\x2a\x86\x48\xce\x3d\x04\x03\x04")
#define OID_ECDSA_SHA1   STR("\x2a\x86\x48\xce\x3d\x04\x01")
#define OID_RSA_MD5      STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04")
#define OID_RSA_SHA1     STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05")
#define OID_RSA_PSS      STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
#define OID_RSA_SHA256   STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b")
#define OID_RSA_SHA384   STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c")
#define OID_RSA_SHA512   STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d")
#define OID_MGF1         STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08")
#define OID_SHA256       STR("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
#define OID_SHA384       STR("\x60\x86\x48\x01\x65\x03\x04\x02\x02")
#define OID_SHA512       STR("\x60\x86\x48\x01\x65\x03\x04\x02\x03")

/* parts of a name: 2.5.4.x */
#define OID_COMMON_NAME  STR("\x55\x04\x03")
#define OID_ORGANIZATION STR("\x55\x04\x0a")
/* 1.3.6.1.4.1.57683.2: a user's UID, as Kubernetes has it */
#define OID_USER_UID STR("\x2b\x06\x01\x04\x01\x83\xc2\x53\x02")

/* extensions: 2.5.29.x */
#define OID_SUBJECT_KEY_ID     STR("\x55\x1d\x0e")
#define OID_KEY_USAGE          STR("\x55\x1d\x0f")
#define OID_SUBJECT_ALT_NAME   STR("\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS  STR("\x55\x1d\x13")
#define OID_NAME_CONSTRAINTS   STR("\x55\x1d\x1e")
#define OID_POLICIES           STR("\x55\x1d\x20")
#define OID_AUTHORITY_KEY_ID   STR("\x55\x1d\x23")
#define OID_EXTENDED_KEY_USAGE STR("\x55\x1d\x25")

/* PKCS#9: the extensions a request asks for */
#define OID_EXTENSION_REQUEST STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e")

/* extended key usages */
#define OID_ANY_USAGE        STR("\x55\x1d\x25\x00")
#define OID_CODE_SIGNING     STR("\x2b\x06\x01\x05\x05\x07\x03\x03")
#define OID_EMAIL_PROTECTION STR("\x2b\x06\x01\x05\x05\x07\x03\x04")
#define OID_IPSEC_END_SYSTEM STR("\x2b\x06\x01\x05\x05\x07\x03\x05")
#define OID_IPSEC_TUNNEL     STR("\x2b\x06\x01\x05\x05\x07\x03\x06")
#define OID_IPSEC_USER       STR("\x2b\x06\x01\x05\x05\x07\x03\x07")
#define OID_TIME_STAMPING    STR("\x2b\x06\x01\x05\x05\x07\x03\x08")
#define OID_OCSP_SIGNING     STR("\x2b\x06\x01\x05\x05\x07\x03\x09")
#define OID_MICROSOFT_SGC    STR("\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03")
#define OID_NETSCAPE_SGC     STR("\x60\x86\x48\x01\x86\xf8\x42\x04\x01")
#define OID_SERVER_AUTH      STR("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_CLIENT_AUTH      STR("\x2b\x06\x01\x05\x05\x07\x03\x02")

/* "2.5.29.19"; numbers beyond 64 bits end it with "…". */
void oid_print(struct buf *out, struct str oid);

#endif
