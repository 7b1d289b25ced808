/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/descriptor.h"

/* Measured: from 64 KiB on, larger ones gain nothing, and this much fits the second-level cache. */
enum { DIGEST_BUFFER_BYTES = 128 * 1024 };

struct digest {
	EVP_MD *algorithm;
	EVP_MD_CTX *context;
	uint8_t buffer[DIGEST_BUFFER_BYTES];
};

struct digest *digest_new(void) {
	struct digest *digest = calloc(1, sizeof *digest);
	if (digest == NULL)
		return NULL;
	digest->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	digest->context = EVP_MD_CTX_new();
	if (digest->algorithm == NULL || digest->context == NULL)
		return digest_free(digest);
	return digest;
}

struct digest *digest_free(struct digest *digest) {
	if (digest == NULL)
		return NULL;
	EVP_MD_CTX_free(digest->context);
	EVP_MD_free(digest->algorithm);
	free(digest);
	return NULL;
}

int digest_read(struct digest *digest, int fd, bool idle, uint64_t *ret_bytes, uint8_t ret_sha256[SHA256_BYTES]) {
	struct stat status;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL) != 1)
		return -EIO;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	off_t at = 0;
	for (;;) {
		ssize_t got = descriptor_pread_all(fd, digest->buffer, sizeof digest->buffer, at);
		if (got < 0)
			return (int)got;
		if (got == 0)
			break;
		if (EVP_DigestUpdate(digest->context, digest->buffer, (size_t)got) != 1)
			return -EIO;
		if (idle)
			(void)posix_fadvise(fd, at, got, POSIX_FADV_DONTNEED);
		at += got;
	}
	unsigned length = 0;
	if (EVP_DigestFinal_ex(digest->context, ret_sha256, &length) != 1 || length != SHA256_BYTES)
		return -EIO;
	*ret_bytes = (uint64_t)at;
	return 0;
}
