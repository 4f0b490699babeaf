#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Why a time zone could not be loaded. The description says what to do about it.
public enum BusinessZoneError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name is none that the database could have.
    case invalidName(String)
    /// There is no readable file for the name.
    case notFound(name: String, path: String)
    /// The file is no zone data that can be used.
    case malformed(path: String, reason: String)

    public var description: String {
        switch self {
        case .invalidName(let name):
            "time zone '\(name)' is not a name of the IANA database, such as Europe/Berlin"
        case .notFound(let name, let path):
            "time zone '\(name)': cannot read \(path); check the name, or install the package tzdata"
        case .malformed(let path, let reason):
            "time-zone file \(path) cannot be used: \(reason); install the package tzdata again"
        }
    }
}

extension BusinessZone {
    /// The largest file that is read. The largest of the database has less than 4 KiB.
    private static let maximumFileSize = 1 << 18

    /// Loads a zone from the system's time-zone database. `UTC` needs no file.
    ///
    /// - Parameters:
    ///   - name: A name of the IANA database: letters, digits, `_`, `+`, `-` in parts separated by `/`.
    ///   - directory: Where the compiled database lies.
    public static func load(_ name: String, from directory: String = "/usr/share/zoneinfo")
        throws(BusinessZoneError) -> BusinessZone
    {
        if name == "UTC" { return utc }
        guard isPlausible(name) else { throw .invalidName(name) }
        let path = directory + "/" + name
        guard let bytes = contents(ofFile: path) else { throw .notFound(name: name, path: path) }
        guard bytes.count <= maximumFileSize else {
            throw .malformed(path: path, reason: "it is larger than \(maximumFileSize) bytes")
        }
        let data: TZif
        do {
            data = try TZif(bytes)
        } catch {
            throw .malformed(path: path, reason: error.rawValue)
        }
        let fingerprint = Fingerprint.of(bytes, seed: Fingerprint.of(name.utf8))
        return BusinessZone(
            name: name, fingerprint: fingerprint, initialOffset: data.initialOffset,
            changes: zip(data.transitions, data.offsets).map { (second: $0, offset: $1) })
    }

    /// Keeps a name from the rules file inside the database's directory.
    private static func isPlausible(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 255 else { return false }
        return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            part.first.map(isLetterOrDigit) ?? false
                && part.allSatisfy { isLetterOrDigit($0) || "_+-".utf8.contains($0) }
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    /// At most one byte more than the limit, or nil when there is no regular file to read.
    private static func contents(ofFile path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: maximumFileSize + 1)
        var count = 0
        while count < bytes.count {
            let received = unsafe bytes.withUnsafeMutableBytes { buffer in
                let free = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                return unsafe read(descriptor, free.baseAddress, free.count)
            }
            if received < 0 { return nil }
            if received == 0 { break }
            count += received
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
