//! `identivia demo-data`: fills an empty database with invented people, so that the console has something to show.

pub mod command;
mod demo_checks;
mod demo_person;
mod demo_staff;
mod drawn_letters;
mod drawn_pictures;
mod person_writer;
mod review_writer;
