/* SPDX-License-Identifier: MIT */
/* Records faults of MIKEY messages, and names their error numbers. */
#include "keyctx/mikey/fault.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct mikey_fault *f, enum mikey_error no, const char *fmt, va_list ap)
{
	*f = (struct mikey_fault){.no = no};
	vsnprintf(f->why.text, sizeof(f->why.text), fmt, ap);
}

enum err mikey_fail(struct mikey_fault *fault, enum err e, enum mikey_error no, const char *fmt,
                    ...)
{
	va_list ap;

	if (fault) {
		va_start(ap, fmt);
		fill(fault, no, fmt, ap);
		va_end(ap);
	}
	return e;
}

/* Six parameters: fault, error code, error number, offset, format and its arguments. */
enum err mikey_fail_at(struct mikey_fault *fault, enum err e, enum mikey_error no, size_t offset,
                       const char *fmt, ...)
{
	va_list ap;

	if (fault) {
		va_start(ap, fmt);
		fill(fault, no, fmt, ap);
		va_end(ap);
		fault->has_offset = true;
		fault->offset = offset;
	}
	return e;
}

const char *mikey_error_name(unsigned no)
{
	static const char *const names[] = {
		[MIKEY_E_AUTH] = "Auth failure",
		[MIKEY_E_TS] = "Invalid TS",
		[MIKEY_E_PRF] = "Invalid PRF",
		[MIKEY_E_MAC] = "Invalid MAC",
		[MIKEY_E_EA] = "Invalid EA",
		[MIKEY_E_HASH] = "Invalid HA",
		[MIKEY_E_DH] = "Invalid DH",
		[MIKEY_E_ID] = "Invalid ID",
		[MIKEY_E_CERT] = "Invalid Cert",
		[MIKEY_E_SP] = "Invalid SP",
		[MIKEY_E_SPPAR] = "Invalid SPpar",
		[MIKEY_E_DT] = "Invalid DT",
		[MIKEY_E_UNSPECIFIED] = "Unspecified error",
		[MIKEY_E_UNSUPPORTED] = "Unsupported message type",
		[MIKEY_E_TICKET] = "Invalid TICKET",
		[MIKEY_E_TPPAR] = "Invalid TPpar",
	};

	return no < ARRAY_LEN(names) ? names[no] : "unknown error";
}
