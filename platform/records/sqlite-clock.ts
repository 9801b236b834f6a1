/** The clock of the records' SQLite file, which every process that has it open reads alike. */

/** Now in SQL, epoch ms. */
export const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
